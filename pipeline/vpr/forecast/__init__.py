"""What training a recogniser asks of a machine, before anything runs.

learning_need.py calculates a GPU's memory and time; what a stage refuses beforehand it measures itself.
"""
