"""What is sent and received, as the RealWorld specification spells it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Schema(BaseModel):
    """Names in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class NewUser(Schema):
    """A registration."""

    username: str
    email: str
    password: str


class Login(Schema):
    """A sign-in."""

    email: str
    password: str


class UserUpdate(Schema):
    """What a user may change of himself."""

    username: str | None = None
    email: str | None = None
    password: str | None = None
    bio: str | None = None
    image: str | None = None


class NewUserBody(Schema):
    """The body of a registration."""

    user: NewUser


class LoginBody(Schema):
    """The body of a sign-in."""

    user: Login


class UserUpdateBody(Schema):
    """The body of a change."""

    user: UserUpdate


class UserOut(Schema):
    """The user himself."""

    email: str
    token: str
    username: str
    bio: str | None
    image: str | None


class UserAnswer(Schema):
    """The answer about oneself."""

    user: UserOut


class Profile(Schema):
    """A user, as another one sees him."""

    username: str
    bio: str | None
    image: str | None
    following: bool


class ProfileAnswer(Schema):
    """The answer about another."""

    profile: Profile


class NewArticle(Schema):
    """An article to be written."""

    title: str
    description: str
    body: str
    tag_list: list[str] = []


class ArticleUpdate(Schema):
    """What its author may change of it."""

    title: str | None = None
    description: str | None = None
    body: str | None = None


class NewArticleBody(Schema):
    """The body of an article."""

    article: NewArticle


class ArticleUpdateBody(Schema):
    """The body of a change."""

    article: ArticleUpdate


class ArticleSummary(Schema):
    """An article in a list."""

    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: datetime
    updated_at: datetime
    favorited: bool
    favorites_count: int
    author: Profile


class ArticleOut(ArticleSummary):
    """An article whole."""

    body: str


class ArticleAnswer(Schema):
    """The answer about one."""

    article: ArticleOut


class ArticlesAnswer(Schema):
    """The answer about several."""

    articles: list[ArticleSummary]
    articles_count: int


class NewComment(Schema):
    """A comment to be made."""

    body: str


class NewCommentBody(Schema):
    """Its body."""

    comment: NewComment


class CommentOut(Schema):
    """A comment."""

    id: int
    created_at: datetime
    updated_at: datetime
    body: str
    author: Profile


class CommentAnswer(Schema):
    """The answer about one."""

    comment: CommentOut


class CommentsAnswer(Schema):
    """The answer about several."""

    comments: list[CommentOut]


class TagsAnswer(Schema):
    """All tags."""

    tags: list[str]
