functions {
#include helpers.stanfunctions
#include helpers.stanfunctions
#include broken.stan
#include nowhere.stan
#include ../secret.stan
#include circle.stan
#include ""
}
