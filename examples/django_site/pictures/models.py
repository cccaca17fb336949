"""What the site keeps of a picture."""

from __future__ import annotations

from django.db import models


class Picture(models.Model):
    """A picture, and what Tagloop and its editors say of it.

    `asset` is Tagloop's number of it, by which search results and webhooks are matched.
    """

    file = models.ImageField(upload_to="pictures")
    asset = models.BigIntegerField(unique=True, null=True)
    alt = models.TextField(blank=True)
    reviewed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.file.name


class Tag(models.Model):
    """A tag of a picture; a suggestion until a review is finished, with its probability."""

    picture = models.ForeignKey(Picture, models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=120)
    name = models.CharField(max_length=200)
    probability = models.FloatField()

    class Meta:
        ordering = ("-probability",)
        constraints = (models.UniqueConstraint(fields=("picture", "tag"), name="once"),)

    def __str__(self) -> str:
        return self.name
