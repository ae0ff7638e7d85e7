"""The input distributions and labels of the papers."""
