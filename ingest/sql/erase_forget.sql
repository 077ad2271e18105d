DELETE FROM erasures WHERE until < now()
