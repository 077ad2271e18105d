"""What every command needs of its surroundings: how it runs, prints and fails."""
