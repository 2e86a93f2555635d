from rest_framework.routers import SimpleRouter

from web.api.viewsets import OrderViewSet, RateViewSet

router = SimpleRouter()
router.register("rates", RateViewSet, basename="rate")
router.register("orders", OrderViewSet, basename="order")

urlpatterns = router.urls
