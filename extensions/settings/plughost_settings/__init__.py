"""Settings: what a workbench asks its server for besides files and kernels.

Setting schemas and the user's settings, workspaces, themes, translations, licences,
listings and configuration sections, at the addresses JupyterLab knows and in
the files Jupyter uses; and what a page asks for at its start as one service.
"""

from plughost import HookSpecs, Host, PageConfig, Route, Service, hookimpl
from plughost_settings import hookspecs
from plughost_settings.apps import Apps
from plughost_settings.custom import CustomStyle
from plughost_settings.folders import Folders, jupyter_folders
from plughost_settings.handlers import routes
from plughost_settings.labextensions import Labextensions, browser_halves
from plughost_settings.options import Options
from plughost_settings.page_config import LAB
from plughost_settings.schemas import Overrides, Schemas
from plughost_settings.settings import Settings
from plughost_settings.startup import StartupData
from plughost_settings.translations import Translations
from plughost_settings.workspaces import Workspaces


@hookimpl
def plughost_hookspecs() -> list[HookSpecs]:
    return [HookSpecs(hookspecs)]


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    folders = _folders(host)
    labextensions = Labextensions(folders.labextensions)
    halves = browser_halves(host, labextensions)
    schemas = Schemas(
        lambda: [folder / "schemas" for folder in halves()],
        Overrides(folders.app_settings, folders.sections("labconfig")),
    )
    translations = Translations()
    apps = Apps(host, folders, labextensions)
    return [
        Service(Settings(schemas, folders.user_settings, translations)),
        Service(Workspaces(folders.workspaces)),
        Service(translations),
        Service(labextensions),
        Service(apps),
        Service(StartupData(host, apps, folders.sections("serverconfig"))),
    ]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    folders = _folders(host)
    custom = CustomStyle(folders.config / "custom" / "custom.css")
    return [
        *host.service(Apps).routes(LAB),
        *routes(folders.sections("serverconfig"), custom),
    ]


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    apps = host.service(Apps)
    options = host.config.extension("settings", Options)
    extra = [str(path) for path in options.extra_labextensions_path]
    return [
        PageConfig("lab", lambda visit: apps.page_config(LAB)),
        PageConfig("lab", lambda visit: {"extraLabextensionsPath": extra}),
    ]


def _folders(host: Host) -> Folders:
    return jupyter_folders(host.config.extension("settings", Options))
