"""The colours of statuses, by unfold's names for them."""

from admin_panel.deliveries import Delivery
from admin_panel.models import ReportStatus
from bot.models import BroadcastStatus
from web.models import OrderStatus, PaymentStatus, RefundStatus

ORDER_LABELS: dict[str, str] = {
    OrderStatus.PENDING: "info",
    OrderStatus.PAID: "warning",
    OrderStatus.PROCESSING: "primary",
    OrderStatus.COMPLETED: "success",
    OrderStatus.FAILED: "danger",
    OrderStatus.REFUNDED: "danger",
}
PAYMENT_LABELS: dict[str, str] = {
    PaymentStatus.PENDING: "info",
    PaymentStatus.SUCCEEDED: "success",
    PaymentStatus.FAILED: "danger",
    PaymentStatus.REFUNDED: "danger",
}


REFUND_LABELS: dict[str, str] = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.APPROVED: "info",
    RefundStatus.SUCCEEDED: "success",
    RefundStatus.FAILED: "danger",
}
REPORT_LABELS: dict[str, str] = {
    ReportStatus.QUEUED: "info",
    ReportStatus.RUNNING: "primary",
    ReportStatus.DONE: "success",
    ReportStatus.FAILED: "danger",
    ReportStatus.EXPIRED: "warning",
}
BROADCAST_LABELS: dict[str, str] = {
    BroadcastStatus.DRAFT: "info",
    BroadcastStatus.RUNNING: "primary",
    BroadcastStatus.PAUSED: "warning",
    BroadcastStatus.STOPPED: "danger",
    BroadcastStatus.DONE: "success",
}
DELIVERY_LABELS: dict[str, str] = {
    Delivery.WAITING: "info",
    Delivery.SENDING: "primary",
    Delivery.RETRYING: "warning",
    Delivery.PUT_OFF: "info",
    Delivery.HELD: "warning",
    Delivery.SENT: "success",
    Delivery.DEAD: "danger",
}
