"""Ridge regression and iterative solvers on a Gram matrix."""
