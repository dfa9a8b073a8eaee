// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"github.com/FerretDB/FerretDB/internal/clientconn"
	"github.com/FerretDB/FerretDB/internal/clientconn/connmetrics"
	"github.com/FerretDB/FerretDB/internal/handler/registry"
	"github.com/FerretDB/FerretDB/internal/util/password"
	"github.com/FerretDB/FerretDB/internal/util/state"
)

type guarded struct {
	listener *clientconn.Listener
	close    func()
}

// Run serves until the context is done.
func (g *guarded) Run(ctx context.Context) error {
	defer g.close()
	g.listener.Run(ctx)
	return nil
}

// newGuarded makes a server that wants everyone to authenticate (SCRAM), which FerretDB has but doesn't let who embeds it
// ask for.
func newGuarded(config *ferretdb.Config, user, secret string) (*guarded, error) {
	provider, err := state.NewProvider("")
	if err != nil {
		return nil, err
	}
	if err = provider.Update(func(s *state.State) { s.DisableTelemetry() }); err != nil {
		return nil, err
	}
	metrics := connmetrics.NewListenerMetrics()
	handler, closeBackend, err := registry.NewHandler(config.Handler, &registry.NewHandlerOpts{
		Logger:        slog.Default(),
		ConnMetrics:   metrics.ConnMetrics,
		StateProvider: provider,
		TCPHost:       config.Listener.TCP,
		SetupDatabase: "admin",
		SetupUsername: user,
		SetupPassword: password.WrapPassword(secret),
		SetupTimeout:  30 * time.Second,
		SQLiteURL:     config.SQLiteURL,
		TestOpts:      registry.TestOpts{CappedCleanupPercentage: 10, BatchSize: 100, EnableNewAuth: true},
	})
	if err != nil {
		return nil, err
	}
	listener, err := clientconn.Listen(&clientconn.NewListenerOpts{
		TCP:         config.Listener.TCP,
		TLS:         config.Listener.TLS,
		TLSCertFile: config.Listener.TLSCertFile,
		TLSKeyFile:  config.Listener.TLSKeyFile,
		TLSCAFile:   config.Listener.TLSCAFile,
		Mode:        clientconn.NormalMode,
		Metrics:     metrics,
		Handler:     handler,
		Logger:      slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	return &guarded{listener, closeBackend}, nil
}
