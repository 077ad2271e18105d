"""The stand-in Graph API's pure parts."""
