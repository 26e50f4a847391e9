"""What browser tests stand on: the script as it is built, a shopper who visits a shop, drivers of other browsers."""
