// limit: includes 2
#include leaf.stan
#include leaf.stan
#include leaf.stan
model { }
