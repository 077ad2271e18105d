"""Tests of ops/deploy, ops/scripts and .env.example."""
