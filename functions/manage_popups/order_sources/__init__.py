"""Order sources: the platforms that report a shop's orders by themselves."""
