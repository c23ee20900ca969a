"""Results -> plain data -> one standalone HTML file. Scoring wants colors alone: import from the modules."""
