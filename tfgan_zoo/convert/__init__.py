"""Reads generators and discriminators that others trained into networks of the zoo."""
