"""A small shop: foreign keys, many to many, choices, a table inherited from another, and a volatile column."""

from __future__ import annotations

from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=50)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")


class Label(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Product(models.Model):
    class State(models.TextChoices):
        DRAFT = "d", "Draft"
        LISTED = "l", "Listed"

    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=1)
    stock = models.IntegerField(default=0)
    state = models.CharField(max_length=1, choices=State.choices, default=State.LISTED)
    views = models.IntegerField(default=0)
    added = models.DateTimeField(null=True)
    category = models.ForeignKey(Category, null=True, on_delete=models.CASCADE, related_name="products")
    labels = models.ManyToManyField(Label, related_name="products")


class Review(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    stars = models.IntegerField()
    text = models.TextField(blank=True)


class Book(Product):
    isbn = models.CharField(max_length=13)
