"""The logs of running and just finished answers, from which any worker resumes a stream."""
