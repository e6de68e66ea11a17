#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace tend {
namespace {

Errc FromErrno(int number) {
  switch (number) {
    case ENOENT:
    case ESRCH:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermission;
    case EAGAIN:
    case EBUSY:
      return Errc::kBusy;
    case ETIMEDOUT:
      return Errc::kTimeout;
    case ECONNREFUSED:
      return Errc::kUnreachable;
    default:
      return Errc::kIo;
  }
}

}  // namespace

Error SysError(std::string_view doing, int number) {
  return Error(FromErrno(number), std::generic_category().message(number), number).With(doing);
}

}  // namespace tend
