"""Compiled twins: refimpl_kernels.<module>.<function> computes what refimpl's function of that name defines, faster.

A twin takes the arguments that its definition's border has normalised, so it checks nothing; where its result is not
finite, the caller asks the definition, whose error says why.
"""
