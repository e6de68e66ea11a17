// /api/v1/notify: GET says who is told and what became of it; POST ?name= sends a test message, and
// answers when it is known what the receiver made of it.
//
// Thread: the HTTP thread. Nothing here waits.
#pragma once

#include <memory>

#include "exporter/alert/notifier.h"
#include "exporter/http_server.h"

namespace tend::supervisor {

inline constexpr const char* kNotifyPath = "/api/v1/notify";

// `notifier` null: there are no receivers.
exporter::HttpResponse HandleNotify(const exporter::HttpRequest& request,
                                    std::shared_ptr<exporter::Notifier> notifier);

}  // namespace tend::supervisor
