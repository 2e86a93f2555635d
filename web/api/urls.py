from rest_framework.routers import SimpleRouter

from web.api.viewsets import BalanceViewSet, OrderViewSet, RateViewSet, TransactionViewSet

router = SimpleRouter()
router.register("rates", RateViewSet, basename="rate")
router.register("orders", OrderViewSet, basename="order")
router.register("transactions", TransactionViewSet, basename="transaction")
router.register("balances", BalanceViewSet, basename="balance")

urlpatterns = router.urls
