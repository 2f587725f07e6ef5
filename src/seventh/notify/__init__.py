"""Sending alerts to those who receive them: the words, the channels, and the loop behind them."""
