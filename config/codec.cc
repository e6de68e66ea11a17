#include "config/codec.h"
