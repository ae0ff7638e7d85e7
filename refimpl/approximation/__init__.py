"""Random features that express polynomials: v_k, z_T, h_T and a*."""
