"""The head: gradient descent on it in closed form, its limit, ridge and the norm constraint."""
