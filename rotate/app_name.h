// What an app is called whose log lies in a folder. Names of apps may have characters that names of
// folders have not (segment_name.h); where they differ, the app's is kept beside its log, so that
// whoever reads the folder knows it, whatever became of the app and of tend.
//
// Thread: any one.
#pragma once

#include <string>

#include "base/files.h"
#include "base/result.h"

namespace tend::rotate {

// `folder` is that of `app`; it is made if something has to be kept in it. To be called before the
// first line is there: readers ask once they have one.
Result<> KeepAppName(Files& files, const std::string& folder, const std::string& app);
// Where the name is kept of the app that has `folder`.
std::string AppNamePath(const std::string& folder);
// The folder's own name where no other is kept, or one that is not of this folder.
std::string AppNameOf(Files& files, const std::string& folder);

}  // namespace tend::rotate
