"""Parts that networks of several families are built of."""
