package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is this release; CHANGELOG and packages carry the same.
const version = "0.1.0"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := newOutput(cmd)
			commit := buildCommit()
			if o.JSON {
				return o.Object(struct {
					Version string `json:"version"`
					Commit  string `json:"commit,omitempty"`
					Go      string `json:"go"`
				}{version, commit, runtime.Version()})
			}
			line := "sipward " + version
			if commit != "" {
				line += " (" + commit + ")"
			}
			o.Printf("%s %s %s/%s\n", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// buildCommit gives the commit the binary was built from; "" when the build
// did not record one.
func buildCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				changed = ", with changes"
			}
		}
	}
	if commit == "" {
		return ""
	}
	return fmt.Sprintf("%.12s%s", commit, changed)
}
