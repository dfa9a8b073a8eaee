// SPDX-License-Identifier: LGPL-2.1-or-later

// Reads a Grafana dashboard and says what isn't as Grafana's own schema of dashboards, panels and queries has it: every field
// known, every type right.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

var kinds = []variants.PanelcfgConfig{heatmap.VariantConfig(), stat.VariantConfig(), statetimeline.VariantConfig(), timeseries.VariantConfig()}

func register() map[string]bool {
	known := map[string]bool{"row": true}
	for _, kind := range kinds {
		cog.NewRuntime().RegisterPanelcfgVariant(kind)
		known[kind.Identifier] = true
	}
	cog.NewRuntime().RegisterDataqueryVariant(prometheus.VariantConfig())
	return known
}

// A panel of a kind that isn't registered would be read with any options.
func checkKinds(text []byte, known map[string]bool) error {
	var read struct{ Panels []struct{ Type string } }
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	for _, panel := range read.Panels {
		if !known[panel.Type] {
			return fmt.Errorf("a panel of the kind %q, which this doesn't know", panel.Type)
		}
	}
	return nil
}

func checkFields(text []byte) error {
	var read dashboard.Dashboard
	// It returns an empty list of errors where there is none.
	if err := read.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	// The strict reading leaves panels out of its result.
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	return read.Validate()
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = checkKinds(text, register())
	}
	if err == nil {
		err = checkFields(text)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
