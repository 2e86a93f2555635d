"""A process without a context serves nobody."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
