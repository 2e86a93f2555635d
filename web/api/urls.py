from django.urls import path
from rest_framework.routers import SimpleRouter

from web.api.orders import OrderViewSet
from web.api.quotes import QuoteViewSet
from web.api.rates import OfferView, RateViewSet
from web.api.viewsets import BalanceViewSet, TransactionViewSet

router = SimpleRouter()
router.register("rates", RateViewSet, basename="rate")
router.register("quotes", QuoteViewSet, basename="quote")
router.register("orders", OrderViewSet, basename="order")
router.register("transactions", TransactionViewSet, basename="transaction")
router.register("balances", BalanceViewSet, basename="balance")

urlpatterns = [path("pairs/", OfferView.as_view(), name="pairs"), *router.urls]
