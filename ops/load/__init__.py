"""Load scenarios for operators: `make load SCENARIO=peak`, on this machine or at a deployment."""
