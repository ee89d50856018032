"""What is open, late, waiting and whose, now or as of any moment; how well the stages go; and who is warned."""
