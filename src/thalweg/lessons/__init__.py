"""Worked lessons: each computes its numbers, draws its picture and says in plain words what they show.

``tw.lessons.run("norms")`` runs one, ``thalweg lesson norms`` does it on the command line, and each has a page in the
docs. A lesson is a module that reads as a learner would write it with the package's public names: ``compute`` returns
its numbers, ``draw`` its picture, ``tell`` its text. Nothing is imported before a lesson runs.
"""

from thalweg.lessons.registry import LESSONS, Lesson
from thalweg.lessons.run import Result, run

__all__ = ["LESSONS", "Lesson", "Result", "run"]
