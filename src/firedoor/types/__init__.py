"""What are the words that every room speaks (DESIGN §2)?

May import: errors.
"""
