"""What everything that computes with torch needs: processes that work as one, threads, memory."""
