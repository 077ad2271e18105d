"""The little that every process needs: settings base, logging, stop handling, the one door to asyncio."""
