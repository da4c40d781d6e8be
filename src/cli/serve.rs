//! `transship serve`: the embedded registry in the foreground, until a signal.

use std::io::Write as _;

use super::{
    Exit, ServeArguments,
    output::{print, tell},
    shown, signals,
};
use crate::serve::{Access, Options, Server};

pub(super) async fn serve(arguments: ServeArguments) -> anyhow::Result<Exit> {
    let mut signals = signals::listen()?;
    let mut options = Options::new(&arguments.dir);
    if arguments.read_only {
        options.access = Access::ReadOnly;
    }
    let server = Server::bind(arguments.listen, options).await?;
    print(|output| writeln!(output, "{}", server.address()))?;
    tell(format_args!(
        "serving {} at http://{}/v2/, ctrl-c ends it",
        shown(&arguments.dir),
        server.address()
    ));
    signals.recv().await;
    server.stop().await;
    Ok(Exit::Good)
}
