// SPDX-License-Identifier: LGPL-2.1-or-later

// A MongoDB-wire database on disk for the tests and the demo: FerretDB with its SQLite backend. It ends on SIGTERM
// or SIGINT.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

type server interface {
	Run(ctx context.Context) error
}

func newServer(config *ferretdb.Config, user string) (server, error) {
	if name, secret, found := strings.Cut(user, ":"); found {
		return newGuarded(config, name, secret)
	}
	return ferretdb.New(config)
}

func run() error {
	var config ferretdb.Config
	data := flag.String("data", "", "directory of the data, which exists")
	flag.StringVar(&config.Listener.TCP, "listen", "", "address to listen on")
	flag.StringVar(&config.Listener.TLS, "tls-listen", "", "address to listen on with TLS")
	flag.StringVar(&config.Listener.TLSCertFile, "tls-cert", "", "the server's certificate")
	flag.StringVar(&config.Listener.TLSKeyFile, "tls-key", "", "the server's key")
	flag.StringVar(&config.Listener.TLSCAFile, "tls-ca", "", "authority of the clients' certificates")
	options := flag.String("sqlite", "", "SQLite's options, as a URL's query")
	user := flag.String("user", "", "who may use it, as name:password; none: everyone")
	flag.Parse()

	config.Handler = "sqlite"
	config.SQLiteURL = (&url.URL{Scheme: "file", Path: *data + "/", RawQuery: *options}).String()
	server, err := newServer(&config, *user)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening") // connections already queue
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return server.Run(ctx)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}
