//! The paths in tokens that `syn` leaves unparsed: those of macros and attributes.

use proc_macro2::{TokenStream, TokenTree};

use super::source::Path;

/// A token that matters for paths.
enum Token {
    Name(String),
    Colons,
    /// The dot before a field or method.
    Dot,
    Group(TokenStream),
    Text(syn::Path),
    Other(char),
}

/// The paths in the tokens of a macro call or definition.
pub fn macro_paths(stream: TokenStream) -> Vec<Path> {
    let mut found = Vec::new();
    read(stream, &[], false, &mut found);
    found
}

/// The paths in an attribute. A text that reads as a path of several names is one, as in `#[serde(with = "super::hex")]`.
pub fn attribute_paths(stream: TokenStream) -> Vec<Path> {
    let mut found = Vec::new();
    read(stream, &[], true, &mut found);
    found
}

/// The names of a parsed path.
pub fn names(path: &syn::Path) -> Path {
    let start = path.leading_colon.map(|_| "::".to_owned());
    start.into_iter().chain(path.segments.iter().map(|segment| ident_name(&segment.ident))).collect()
}

/// An identifier without the `r#` of a raw one.
pub fn ident_name(identifier: &syn::Ident) -> String {
    syn::ext::IdentExt::unraw(identifier).to_string()
}

/// `prefix` is what stands before a group, as `crate::a` does in `use crate::a::{b, c};`; `texts` says whether texts count.
fn read(stream: TokenStream, prefix: &[String], texts: bool, found: &mut Vec<Path>) {
    let tokens = tokens(stream);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        at += 1;
        let mut path = match token {
            Token::Name(_) if matches!(before, Some(Token::Dot)) => continue,
            Token::Name(name) if name == "as" && !prefix.is_empty() => {
                at += 1;
                continue;
            }
            Token::Name(name) if name == "self" => prefix.to_vec(),
            Token::Name(name) => [prefix, std::slice::from_ref(name)].concat(),
            Token::Colons if !matches!(before, Some(Token::Other('>'))) => vec!["::".to_owned()],
            Token::Group(inner) => {
                read(inner.clone(), &[], texts, found);
                continue;
            }
            Token::Text(path) if texts => names(path),
            Token::Text(_) | Token::Colons | Token::Dot | Token::Other(_) => continue,
        };
        if matches!(token, Token::Name(name) if name == "self") && matches!(tokens.get(at), Some(Token::Colons)) {
            path.push("self".to_owned());
        }
        if path == ["::"] {
            at -= 1;
        }
        while let Some(Token::Colons) = tokens.get(at) {
            match tokens.get(at + 1) {
                Some(Token::Name(name)) => path.push(name.clone()),
                Some(Token::Group(inner)) => {
                    read(inner.clone(), &path, texts, found);
                    path.clear();
                }
                _ => break,
            }
            at += 2;
        }
        if path == ["::"] {
            at += 1;
        } else if !path.is_empty() {
            found.push(path);
        }
    }
}

fn tokens(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let next =
            trees.peek().and_then(|next| if let TokenTree::Punct(next) = next { Some(next.as_char()) } else { None });
        match tree {
            TokenTree::Ident(identifier) => tokens.push(Token::Name(ident_name(&identifier))),
            TokenTree::Group(group) => tokens.push(Token::Group(group.stream())),
            TokenTree::Literal(literal) => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                let path = text.and_then(|text| text.parse::<syn::Path>()).ok();
                tokens.push(path.filter(|path| path.segments.len() > 1).map_or(Token::Other('"'), Token::Text));
            }
            TokenTree::Punct(sign) => match sign.as_char() {
                ':' if next == Some(':') => {
                    trees.next();
                    tokens.push(Token::Colons);
                }
                '.' if next != Some('.') && !matches!(tokens.last(), Some(Token::Other('.'))) => {
                    tokens.push(Token::Dot)
                }
                // A lifetime, or a variable of `macro_rules!`: neither names anything.
                '\'' => drop(trees.next()),
                '$' => match trees.next() {
                    Some(TokenTree::Ident(variable)) if variable == "crate" => tokens.push(Token::Name("crate".into())),
                    Some(TokenTree::Ident(variable)) => tokens.push(Token::Name(format!("${variable}"))),
                    Some(TokenTree::Group(group)) => tokens.push(Token::Group(group.stream())),
                    _ => {}
                },
                sign => tokens.push(Token::Other(sign)),
            },
        }
    }
    tokens
}
