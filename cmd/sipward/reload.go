package main

import "github.com/spf13/cobra"

func reloadCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "reload",
		Short: "Make the daemon read its settings again",
		Long: `Make the daemon read its settings again. When they are wrong the old ones stay
in force, nothing changes, and the mistake is shown: exit 7.`,
		Args: wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			if err := client(cmd).Reload(ctx); err != nil {
				return err
			}
			s, err := client(cmd).Status(ctx)
			if err != nil {
				return err
			}
			o := newOutput(cmd)
			if o.JSON {
				return o.Object(map[string]any{"reloaded": true, "mode": s.Mode})
			}
			o.Printf("the new settings are in force: %s\n", s.ModeWords())
			return nil
		},
	})
}
