package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/terminal"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or check the settings",
		Long: `Show or check the settings in ` + config.DefaultPath + ` and conf.d beside it.
The files hold only what differs from the defaults; a working server needs none.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configShowCommand(), configValidateCommand())
	return cmd
}

func configShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the settings and where each comes from",
		Args:  wants(),
	}
	effective := cmd.Flags().Bool("effective", false, "show every key, defaults too")
	path := cmd.Flags().String("config", "", "read this `FILE` instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(*path)
		if err != nil {
			return err
		}
		o := newOutput(cmd)
		switch {
		case o.JSON:
			for _, s := range c.Settings() {
				if *effective || !strings.HasPrefix(s.Origin, "default") {
					if err := o.Object(s); err != nil {
						return fmt.Errorf("print settings: %w", err)
					}
				}
			}
		case *effective:
			o.Printf("%s", c.Effective())
		case c.Differences() == "":
			o.Printf("# every setting has its default; see sipward config show --effective\n")
		default:
			o.Printf("%s", c.Differences())
		}
		return nil
	}
	return cmd
}

func configValidateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check the settings: exit 0 or 7",
		Args:  wants("[FILE]"),
	}
	path := cmd.Flags().String("config", "", "check this `FILE`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			*path = args[0]
		}
		if _, err := loadConfig(*path); err != nil {
			return err
		}
		name := *path
		if name == "" {
			name = config.DefaultPath + " and conf.d"
		}
		o := newOutput(cmd)
		if o.JSON {
			return o.Object(map[string]any{"file": name, "ok": true})
		}
		o.Printf("ok: %s\n", terminal.Printable(name))
		return nil
	}
	return cmd
}

// loadConfig reads the settings and puts a failure into three parts.
func loadConfig(path string) (*config.Config, error) {
	c, err := config.Load(path)
	var wrong *config.Error
	switch {
	case err == nil:
		return c, checkPatterns(c)
	case errors.As(err, &wrong):
		return nil, wrongSettings(err)
	case errors.Is(err, config.ErrNoFile):
		return nil, &exitError{exitInvalid, &control.Problem{What: "there is no settings file " + path,
			Do: "leave --config out to use " + config.DefaultPath}}
	}
	return nil, err
}

// checkPatterns looks into the files of patterns that the settings name: one that
// cannot be used leaves a log unread.
func checkPatterns(c *config.Config) error {
	for _, l := range c.Logs {
		if l.Pattern == "" {
			continue
		}
		if _, err := custom.Open(l.Pattern); err != nil {
			return &exitError{exitInvalid, &control.Problem{What: "a log's pattern cannot be used", Why: err.Error(),
				Do: "mend it and run sipward explain --check " + l.Pattern}}
		}
	}
	return nil
}

func wrongSettings(err error) error {
	return &exitError{exitInvalid, &control.Problem{What: "the settings are wrong", Why: err.Error(),
		Do: "mend them and run sipward config validate"}}
}
