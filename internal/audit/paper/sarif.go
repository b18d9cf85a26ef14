// Package paper writes the results of an audit for those who were not there: as
// SARIF for the tools that collect findings, and as a page for people.
package paper

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
)

// The part of SARIF 2.1.0 (OASIS Standard, 2020, with errata 01) that results
// of an audit need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string          `json:"id"`
		Short         sarifText       `json:"shortDescription"`
		Full          sarifText       `json:"fullDescription"`
		Help          sarifText       `json:"help"`
		Configuration sarifLevel      `json:"defaultConfiguration"`
		Properties    sarifProperties `json:"properties"`
	}
	// sarifProperties has what GitHub and others sort by.
	sarifProperties struct {
		Tags     []string `json:"tags"`
		Severity string   `json:"security-severity"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Kind         string             `json:"kind"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations,omitempty"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// levels are SARIF's words for severities, and the figures that GitHub sorts by.
var levels = map[check.Severity]struct{ level, figure string }{
	check.Info: {"note", "0.0"}, check.Low: {"note", "3.0"}, check.Medium: {"warning", "5.0"},
	check.High: {"error", "8.0"}, check.Critical: {"error", "9.5"},
}

// kinds are SARIF's words for how a check came out (section 3.27.9). Its level
// is "none" for all but what fails.
var kinds = map[check.State]string{check.Fail: "fail", check.Latent: "review", check.Unknown: "open", check.Pass: "pass"}

// SARIF writes all results as one run of the version of sipward that is named.
func SARIF(w io.Writer, r *audit.Report, version string) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "sipward", Version: version, InformationURI: "https://github.com/sipward/sipward", Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{Successful: true}}, Results: []sarifResult{},
	}
	for _, p := range r.Problems {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{"warning", sarifText{p}})
	}
	index := map[string]int{}
	for i := range r.Results {
		result := &r.Results[i]
		at, known := index[result.ID]
		if !known {
			at = len(run.Tool.Driver.Rules)
			index[result.ID] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(result.Check))
		}
		run.Results = append(run.Results, resultOf(result, at))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(&sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("write sarif: %w", err)
	}
	return nil
}

// ruleOf: SARIF keeps what is the same for all findings of a check in one place.
func ruleOf(c *check.Check) sarifRule {
	words := levels[c.Severity]
	return sarifRule{ID: c.ID, Short: sarifText{c.Title}, Full: sarifText{c.Why}, Help: sarifText{"Write: " + c.Fix},
		Configuration: sarifLevel{words.level}, Properties: sarifProperties{[]string{"security", c.Server}, words.figure}}
}

// resultOf: a place without a line is a file as a whole, and one without a file is
// left out, as the schema wants.
func resultOf(r *check.Result, rule int) sarifResult {
	s := sarifResult{RuleID: r.ID, RuleIndex: rule, Kind: kinds[r.State], Level: "none", Message: sarifText{r.Title + ": " + r.Reason()}}
	if r.State == check.Fail {
		s.Level = levels[r.Severity].level
	}
	if r.Accepted != "" {
		s.Suppressions = []sarifSuppression{{"external", r.Accepted}}
	}
	if r.Place.File != "" {
		at := sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: r.Place.File}).String()}}
		if r.Place.Line > 0 {
			at.Region = &sarifRegion{r.Place.Line}
		}
		s.Locations = []sarifLocation{{at}}
	}
	return s
}
