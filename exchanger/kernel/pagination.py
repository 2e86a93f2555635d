from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """Pages by position in a total order: stable under inserts, and page 20,000 costs what page 1 costs.

    A view names its ``ordering``, which ends with a unique column.
    """

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
