"""What everything that computes needs: processes that work as one, actors of a cluster, threads, memory."""
