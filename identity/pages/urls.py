from django.urls import path

from identity.pages.views import ResetPage, VerifyPage

urlpatterns = [
    path("verify", VerifyPage.as_view(), name="account-verify"),
    path("reset", ResetPage.as_view(), name="account-reset"),
]
