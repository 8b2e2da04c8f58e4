#include circle.stan
