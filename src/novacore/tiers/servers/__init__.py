"""Engines on servers, one module for each tier and protocol; what they share is named `*_link`."""
