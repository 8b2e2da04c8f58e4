functions {
#include helpers.stanfunctions
#include "helpers.stanfunctions"
}
#include <leaf.stan>
model {
  target += twice(1);
}
