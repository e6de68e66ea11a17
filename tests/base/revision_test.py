#!/usr/bin/env python3
"""The revision that is built in: revision_test.py CMAKE base/revision.cmake."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CMAKE, SCRIPT = sys.argv[1:3]
GIT = shutil.which("git")


class RevisionTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tend-revision-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.tree, self.output = self.folder / "tree", self.folder / "revision.cc"
        self.tree.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}

    def git(self, *words, folder=None):
        subprocess.run([GIT, "-C", folder or self.tree, "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True,
                       env=self.env, capture_output=True)

    def commit(self, folder=None):
        folder = folder or self.tree
        self.git("init", "-q", folder=folder)
        (folder / "file").write_text("1")
        self.git("add", "file", folder=folder)
        self.git("commit", "-qm", "1", folder=folder)

    def revision(self, git=GIT, **env):
        subprocess.run([CMAKE, f"-DGIT={git}", f"-DSOURCE={self.tree}", f"-DOUTPUT={self.output}", "-P", SCRIPT],
                       check=True, env={**self.env, **env}, capture_output=True)
        return re.search(r'return "(.*)";', self.output.read_text())[1]

    @unittest.skipUnless(GIT, "there is no git")
    def test_the_commit_and_whether_files_differ(self):
        self.commit()
        clean = self.revision()
        self.assertRegex(clean, "^[0-9a-f]{7,}$")
        (self.tree / "new").write_text("")
        self.assertEqual(self.revision(), clean, "a file that git does not know")
        (self.tree / "file").write_text("2")
        self.assertEqual(self.revision(GIT_DIR="/nowhere"), clean + "-dirty")
        self.git("tag", "-am", "v1", "v1")
        self.assertEqual(self.revision(), clean + "-dirty", "a tag is no hash")

    @unittest.skipUnless(GIT, "there is no git")
    def test_it_is_written_only_if_it_is_another(self):
        self.commit()
        self.revision()
        os.utime(self.output, (1, 1))
        self.revision()
        self.assertEqual(self.output.stat().st_mtime, 1)
        (self.tree / "file").write_text("2")
        self.revision()
        self.assertGreater(self.output.stat().st_mtime, 1)

    @unittest.skipUnless(GIT, "there is no git")
    def test_a_shallow_clone_has_one(self):
        self.commit()
        self.git("commit", "-qm", "2", "--allow-empty")
        whole = self.revision()
        origin, self.tree = self.tree, self.folder / "shallow"
        self.git("clone", "-q", "--depth", "1", f"file://{origin}", str(self.tree), folder=origin)
        self.assertEqual(self.revision(), whole)

    @unittest.skipUnless(GIT, "there is no git")
    def test_an_archive_within_another_repository_has_none(self):
        self.commit(self.folder)
        self.assertEqual(self.revision(), "unknown")
        self.git("init", "-q")
        self.assertEqual(self.revision(), "unknown", "no commit yet")

    def test_without_git_it_is_unknown(self):
        self.assertEqual(self.revision(git="TEND_GIT-NOTFOUND"), "unknown")
        self.assertEqual(self.revision(git="/nowhere/git"), "unknown")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
