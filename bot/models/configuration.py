from exchanger.kernel.published import Published


class PublishedConfiguration(Published):
    """The configuration documents in force in the telegram application (table ``published_configuration``)."""

    class Meta(Published.Meta):
        abstract = False
        db_table = "published_configuration"
